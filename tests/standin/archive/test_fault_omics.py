import gzip
import hashlib
import json

import pytest

from mgi_standin.archive import fault_omics
from mgi_standin.archive.faults import Rule, with_faults
from mgi_standin.archive.response import Request, json_response, whole
from mgi_standin.archive.response import Response as Reply

MAF = "#version gdc-1.0.0\n#tumor.aliquot x\nHugo_Symbol\tGene\nIDH1\tENSG1\nTP53\tENSG2\n"
FILES = {
    "maf1": ("a.wxs.aliquot_ensemble_masked.maf.gz", gzip.compress(MAF.encode(), mtime=0)),
    "maf2": ("b.wxs.aliquot_ensemble_masked.maf.gz", gzip.compress(MAF.encode(), mtime=0)),
    "beta": ("c.methylation_array.sesame.level3betas.txt", b"cg1\t0.5\ncg2\tNA\n"),
    "cn": ("d.ascat3.gene_level_copy_number.v36.tsv", b"gene_id\tc\tmin\tmax\nE1\t2\t2\t3\nE2\t\t\t\n"),
    "rppa": ("TCGA_RPPA_data.tsv", b"AGID\tlevel\nA1\t1\nA2\t2\nA3\tNA\n"),
}
PAIR = ("TCGA-DU-Z001-10A-01D-A001-08", "TCGA-DU-Z001-01A-11D-A001-08")


def md5(content):
    return hashlib.md5(content).hexdigest()


def archive(request):
    """A listing of all files, and each of them whole or from a byte on."""
    if request.path != "/files":
        name, content = FILES[request.path.removeprefix("/data/")]
        start = int(request.headers.get("range", "bytes=0-")[6:-1])
        headers = {"Content-Disposition": f"attachment; filename={name}", "Content-MD5": md5(content)}
        return Reply(status=206 if start else 200, headers=headers, body=content[start:])
    hits = [
        {
            "file_id": file_id,
            "file_name": name,
            "file_size": len(content),
            "md5sum": md5(content),
            "associated_entities": [{"entity_submitter_id": barcode} for barcode in PAIR],
            "cases": [{"samples": [{"submitter_id": barcode[:16], "tissue_type": "?"} for barcode in PAIR]}],
        }
        for file_id, (name, content) in FILES.items()
    ]
    return json_response({"data": {"hits": hits, "pagination": {"total": len(hits)}}, "warnings": {}})


def sent(fault, file_id, value=None, **headers):
    answer = with_faults(archive, [Rule(path="^/(files$|data/)", fault=fault, value=value)])
    reply = answer(Request(method="GET", path=f"/data/{file_id}", headers=headers))
    listed = json.loads(whole(answer(Request(method="POST", path="/files"))))["data"]["hits"]
    return reply, {hit["file_id"]: hit for hit in listed}


@pytest.mark.parametrize(
    ("fault", "file_id", "others"),
    [
        ("no-variants", "maf1", ("beta", "cn", "rppa")),
        ("header-row", "beta", ("maf1", "cn", "rppa")),
        ("no-copy-number", "cn", ("maf1", "beta", "rppa")),
        ("older-panel", "rppa", ("maf1", "beta", "cn")),
    ],
)
def test_a_damaged_file_is_listed_as_it_is_sent_and_others_are_left_alone(fault, file_id, others):
    reply, listed = sent(fault, file_id)
    content = whole(reply)
    assert content != FILES[file_id][1]
    assert (listed[file_id]["file_size"], listed[file_id]["md5sum"]) == (len(content), md5(content))
    assert reply.headers["Content-MD5"] == md5(content)
    for other in others:
        assert listed[other]["md5sum"] == md5(FILES[other][1]) == md5(whole(sent(fault, other)[0]))


def test_no_variants_keeps_what_comes_before_the_rows():
    assert gzip.decompress(whole(sent("no-variants", "maf1")[0])).decode() == MAF[: MAF.index("IDH1")]


def test_a_header_row_comes_before_all_probes():
    assert whole(sent("header-row", "beta")[0]) == b"Probe_ID\tBeta_Value\ncg1\t0.5\ncg2\tNA\n"


def test_no_copy_number_empties_the_last_three_columns_of_every_gene():
    assert whole(sent("no-copy-number", "cn")[0]) == b"gene_id\tc\tmin\tmax\nE1\t\t\t\nE2\t\t\t\n"


def test_an_older_panel_has_every_second_antibody():
    assert whole(sent("older-panel", "rppa")[0]) == b"AGID\tlevel\nA1\t1\nA3\tNA\n"


def test_a_file_id_spares_the_other_files():
    reply, listed = sent("no-variants", "maf2", "maf1")
    assert whole(reply) == FILES["maf2"][1]
    assert listed["maf2"]["md5sum"] == md5(FILES["maf2"][1])
    assert listed["maf1"]["md5sum"] != md5(FILES["maf1"][1])


def test_who_asks_for_a_part_of_a_damaged_file_gets_all_of_it_and_of_another_the_part():
    reply, _ = sent("header-row", "beta", range="bytes=5-")
    assert (reply.status, whole(reply)) == (200, whole(sent("header-row", "beta")[0]))
    reply, _ = sent("header-row", "rppa", range="bytes=5-")
    assert (reply.status, whole(reply)) == (206, FILES["rppa"][1][5:])


def test_a_second_tumour_takes_the_place_of_the_normal_tissue():
    _, listed = sent("two-tumours", "maf1", "maf1")
    changed, left = (
        [entity["entity_submitter_id"] for entity in listed[name]["associated_entities"]] for name in ("maf1", "maf2")
    )
    assert changed == ["TCGA-DU-Z001-01B-01D-A001-08", PAIR[1]]
    assert left == list(PAIR)
    samples = listed["maf1"]["cases"][0]["samples"]
    assert [sample["submitter_id"] for sample in samples] == ["TCGA-DU-Z001-01B", "TCGA-DU-Z001-01A"]
    assert [sample["tissue_type"] for sample in samples] == ["Tumor", "?"]


def test_a_listing_without_digests_is_left_without_them():
    def bare(request):
        return json_response({"data": {"hits": [{"file_id": "maf1", "file_name": FILES["maf1"][0]}]}})

    answer = with_faults(lambda request: bare(request) if request.path == "/files" else archive(request),
                         [Rule(path="^/files$", fault="no-variants")])  # fmt: skip
    (hit,) = json.loads(whole(answer(Request(method="POST", path="/files"))))["data"]["hits"]
    assert hit == {"file_id": "maf1", "file_name": FILES["maf1"][0]}


def test_a_reply_that_is_no_listing_is_passed_on():
    reply = fault_omics.two_tumours(lambda request: json_response([1]), Request(method="POST", path="/x"), None)
    assert json.loads(whole(reply)) == [1]
