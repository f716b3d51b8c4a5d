"""An HTML page as a browser takes it apart."""

from html.parser import HTMLParser


class Page(HTMLParser):
    """The tags of a page with their attributes, and the text outside of scripts and styles."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.tags, self.text, self._raw = [], [], False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, sorted(name for name, _ in attributes)))
        self._raw = tag in ("script", "style")

    def handle_endtag(self, tag):
        self._raw = False

    def handle_comment(self, data):
        self.tags.append(("comment", []))

    def handle_data(self, data):
        if not self._raw:
            self.text.append(data)
