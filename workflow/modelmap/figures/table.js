// Tables that sort, search and download, made of those that stand in the page: each as it comes
// near the window, so that a page of many is there at once.
(() => {
  const escaped = (text) =>
    text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
  const quoted = (text) => (/["\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const standing = (cell) => [cell.dataset.value ?? cell.textContent, cell.textContent];
  const told = (cell) => (Array.isArray(cell) ? cell : [cell, cell]);

  const rows = (table) => {
    const rest = table.parentElement.querySelector("script");
    const first = [...table.tBodies[0].rows].map((row) => [...row.cells].map(standing));
    return first.concat(rest ? JSON.parse(rest.textContent).map((row) => row.map(told)) : []);
  };

  // A cell is [whole, shown]. Missing numbers sort as the least.
  const column = (head, i) => ({
    data: i,
    className: head.className,
    type: head.className === "number" ? "num" : "string",
    render: ([whole, shown], kind) => {
      if (kind === "display") return escaped(shown);
      if (kind === "filter") return `${shown} ${whole}`;
      return kind !== "export" && head.className === "number" && whole !== "" ? +whole : whole;
    },
  });

  const tsv = (name, heads) => ({
    extend: "csvHtml5",
    text: "TSV",
    titleAttr: "Download the rows that are found, in full precision",
    filename: name.replace(/[^\p{L}\p{N}._-]+/gu, "_").slice(0, 80),
    extension: ".tsv",
    fieldSeparator: "\t",
    fieldBoundary: "",
    newline: "\n",
    footer: false,
    exportOptions: {
      orthogonal: "export",
      escapeExcelFormula: false,
      format: { header: (_, i) => quoted(heads[i]), body: quoted },
    },
  });

  const enliven = (table) => {
    const name = table.getAttribute("aria-label"), all = rows(table);
    const heads = [...table.tHead.rows[0].cells];
    table.parentElement.querySelector(".rest")?.remove();
    table.tBodies[0].replaceChildren();
    const buttons = [tsv(name, heads.map((head) => head.textContent))];
    const paged = all.length > 50; // as many as stand in the page without scripts
    new DataTable(table, {
      data: all,
      columns: heads.map(column),
      order: [],
      autoWidth: false,
      paging: paged,
      pageLength: 25,
      lengthMenu: [25, 100, { label: "All", value: -1 }],
      layout: {
        topStart: all.length > 5 ? { search: { placeholder: "Search" } } : null,
        topEnd: paged ? ["pageLength", { buttons }] : { buttons },
        bottomStart: paged ? "info" : null,
        bottomEnd: paged ? "paging" : null,
      },
      language: {
        search: "",
        lengthMenu: "_MENU_ rows",
        info: "_START_ to _END_ of _TOTAL_ rows",
        infoFiltered: "(of _MAX_)",
        infoEmpty: "No row",
        emptyTable: "Nothing to show",
        zeroRecords: "No row is found",
      },
    });
  };

  const seen = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        seen.unobserve(target);
        enliven(target);
      }
    },
    { rootMargin: "600px" },
  );
  document.querySelectorAll("table.data").forEach((table) => seen.observe(table));
})();
