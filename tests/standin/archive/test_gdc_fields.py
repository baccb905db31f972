from mgi_standin.archive.gdc_fields import known_fields, leaf_paths, project, values_at

HIT = {"id": "1", "acl": ["open"], "none": None, "cases": [{"x": 1, "s": [{"y": 2}, {"z": 3}]}, {"x": 4, "s": []}]}


def test_leaf_paths_pass_through_lists_of_objects_only():
    assert set(leaf_paths(HIT)) == {"id", "acl", "none", "cases.x", "cases.s.y", "cases.s.z", "cases.s"}


def test_values_are_collected_through_lists():
    assert values_at(HIT, "cases.x") == [1, 4]
    assert values_at(HIT, "cases.s.y") == [2]
    assert values_at(HIT, "acl") == ["open"]
    assert values_at(HIT, "none") == []
    assert values_at(HIT, "id.deeper") == []


def test_a_projection_keeps_the_id_and_the_nesting():
    assert project(HIT, ["cases.s.z"]) == {"id": "1", "cases": [{"s": [{"z": 3}]}]}
    assert project(HIT, ["acl", "none", "absent.path"]) == {"id": "1", "acl": ["open"], "none": None}


def test_known_fields_are_documented_or_held():
    known = known_fields("files", [{"novel": 1}])
    assert {"novel", "md5sum", "cases.samples.tissue_type"} <= known
    assert "cases.samples.is_ffpe" not in known
    assert "project.project_id" in known_fields("annotations", [])
