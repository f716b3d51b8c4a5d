import numpy as np

from modelmap.figures.labels import place

FRAME = np.array([0.0, 0.0, 400.0, 300.0])


def around(points, half=3.0):
    return np.hstack([points - half, points + half])


def overlapping(a, b):
    return (a[:2] < b[2:]).all() and (b[:2] < a[2:]).all()


def test_labels_of_a_crowd_cover_neither_each_other_nor_a_marker():
    points = np.random.default_rng(0).normal((200, 150), 25, (30, 2))
    markers = around(points)
    boxes, _ = place(points, np.full((30, 2), (60, 8)), markers, FRAME, gap=5, required=30)
    for i, box in enumerate(boxes):
        assert (box[:2] >= FRAME[:2]).all()
        assert (box[2:] <= FRAME[2:]).all()
        assert not any(overlapping(box, other) for other in boxes[:i])
        assert not any(overlapping(box, marker) for marker in markers)


def test_a_lone_label_stands_to_the_right_of_its_point():
    point = np.array([[200.0, 150.0]])
    (box,), (line,) = place(point, np.array([[60.0, 8.0]]), around(point), FRAME, gap=5, required=0)
    np.testing.assert_allclose(box, [205, 146, 265, 154])
    np.testing.assert_allclose(line, [200, 150, 205, 150])


def test_without_room_only_required_labels_are_placed():
    points = np.array([[15.0, 10.0], [16.0, 11.0], [17.0, 10.0]])
    small = np.array([0.0, 0.0, 30.0, 20.0])
    boxes, _ = place(points, np.full((3, 2), (60.0, 8.0)), around(points), small, gap=5, required=1)
    assert np.isnan(boxes).any(axis=1).tolist() == [False, True, True]
