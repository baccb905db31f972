"""An NBIA server whose v4 is gone, one that wants an account, and a list of series: the commands from end to end."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from mgi.cli import main
from mgi.core.errors import ConfigError, NetworkError
from mgi_standin.archive.response import Request, Response, text_response
from mgi_standin.archive.server import Service, archive_service, listen

CANARY = "canary-77ab-secret"
PATH = "/nbia-api/services/"


@pytest.fixture
def served(simulated_archive) -> Callable[..., Iterator[Service]]:
    """Serve the archive with some of its paths answered otherwise; every request is kept in `seen`."""

    @contextmanager
    def serve(otherwise: Callable[[Request], Response | None] = lambda request: None):
        whole = archive_service(simulated_archive)
        seen: list[Request] = []

        def answer(request: Request) -> Response:
            seen.append(request)
            return otherwise(request) or whole(request)

        with listen(answer) as service:
            yield service, seen

    return serve


def settings_of(service, **more):
    given = {"source": "tcia", "min_images": 8, "retry_base_s": 0, "base_url": service.url + PATH + "v4"}
    return json.dumps(given | more)


def lock_and_fetch(settings, folder):
    lock, index = folder / "lock.json", folder / "raw" / "batch.json"
    assert main(["lock", "--modality", "flair", "--settings", settings, "--output", str(lock)]) == 0
    options = ["--lock", str(lock), "--batch", "1-of-8", "--output", str(index)]
    assert main(["fetch", "--modality", "flair", "--settings", settings, *options]) == 0
    return json.loads(lock.read_text()), json.loads(index.read_text())


def sections(genes, images):
    return json.dumps({"rna": json.loads(genes), "flair": json.loads(images)})


def gone(version):
    return lambda request: text_response("gone", 410) if f"/{version}/" in request.path else None


def test_the_first_version_gives_the_same_series_and_says_so(served, tmp_path, capsys):
    with served() as (service, _):
        newer, by_newer = lock_and_fetch(settings_of(service), tmp_path / "v4")
    assert "by NBIA v4" in capsys.readouterr().out
    with served(gone("v4")) as (service, seen):
        older, by_older = lock_and_fetch(settings_of(service), tmp_path / "v1")
        (tmp_path / "v1" / "raw" / "batch.json").unlink()
        target = tmp_path / "preflight.json"
        images, genes = settings_of(service), json.dumps({"base_url": service.url, "retry_base_s": 0})
        assert main(["preflight", "--modalities", sections(genes, images), "--output", str(target)]) == 0
    assert "by NBIA v1" in capsys.readouterr().out
    assert "NBIA v1 (v4 does not answer)" in target.read_text()
    assert (newer.pop("release"), older.pop("release")) == ("v4", "v1")
    of_digests = {"check", "content_sha256"}
    assert {name: older[name] for name in older.keys() - of_digests} == {
        name: newer[name] for name in newer.keys() - of_digests
    }
    assert by_older == by_newer
    images = [request.path for request in seen if "getImage" in request.path]
    assert images
    assert all(path == f"{PATH}v1/getImageWithMD5Hash" for path in images)


def test_a_lock_of_the_first_version_is_followed_there_without_asking_the_fourth(served, tmp_path):
    with served(gone("v4")) as (service, seen):
        lock_and_fetch(settings_of(service), tmp_path)
        asked_at = [number for number, request in enumerate(seen) if "/v4/" in request.path]
    assert len(asked_at) == 1


def test_a_first_version_without_digests_is_accepted_by_count_uids_and_decoding(served, tmp_path):
    def old(request):
        return gone("v4")(request) or (text_response("no", 404) if "WithMD5" in request.path else None)

    with served() as (service, _):
        _, whole = lock_and_fetch(settings_of(service), tmp_path / "whole")
    with served(old) as (service, _):
        _, bare = lock_and_fetch(settings_of(service), tmp_path / "bare")
    counted = [
        [(item["key"], item["metadata"]["n_images"], item.get("rejected")) for item in index["items"]]
        for index in (whole, bare)
    ]
    assert counted[0] == counted[1]


def test_a_login_opens_the_second_version_and_its_secrets_are_nowhere(served, tmp_path, monkeypatch, capsys, caplog):
    caplog.set_level("DEBUG")
    secret = tmp_path / "password"
    secret.write_text(CANARY)
    secret.chmod(0o600)
    monkeypatch.setenv("MGI_TCIA_USER", "me")
    monkeypatch.setenv("MGI_TCIA_PASSWORD_FILE", str(secret))
    monkeypatch.setenv("MGI_GDC_TOKEN", CANARY)

    def with_accounts(request):
        if request.path.endswith("/oauth/token"):
            right = dict(request.form()).get("password") == CANARY
            body = json.dumps({"access_token": f"bearer-{CANARY}", "expires_in": 7200}) if right else "wrong"
            return text_response(body, 200 if right else 401, "application/json")
        return None

    with served(with_accounts) as (service, seen):
        genes = json.dumps({"base_url": service.url, "retry_base_s": 0})
        output = ["--output", str(tmp_path / "out" / "preflight.json")]
        assert main(["preflight", "--modalities", sections(genes, settings_of(service)), *output]) == 0
        lock, _ = lock_and_fetch(settings_of(service), tmp_path / "out")
        assert (
            main(["lock", "--modality", "flair", "--settings", settings_of(service, collection="UPENN"), *output]) != 0
        )
    assert lock["release"] == "v2"
    images = [request for request in seen if PATH in request.path]
    assert {request.headers.get("authorization") for request in images} == {f"Bearer bearer-{CANARY}"}
    assert {"x-auth-token" in request.headers for request in images} == {False}
    genes = [request for request in seen if "/nbia-api" not in request.path]
    assert {request.headers.get("x-auth-token") for request in genes} == {CANARY}
    assert {"authorization" in request.headers for request in genes} == {False}
    printed = capsys.readouterr()
    assert "asked with your account" in printed.out
    assert "a token is set and is sent" in printed.out
    assert "to your account" in printed.err
    written = b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert CANARY not in printed.out + printed.err + caplog.text
    assert CANARY.encode() not in written


def test_a_token_is_never_sent_to_the_simulated_archive(simulated_archive, tmp_path, monkeypatch, asked):
    monkeypatch.setenv("MGI_TCIA_TOKEN", CANARY)
    monkeypatch.setenv("MGI_GDC_TOKEN", CANARY)
    genes, images = '{"retry_base_s": 0}', '{"source": "tcia", "retry_base_s": 0}'
    options = ["--archive", str(simulated_archive), "--output", str(tmp_path / "p.json")]
    assert main(["preflight", "--modalities", sections(genes, images), *options]) == 0
    assert '"host"' in asked.log.read_text()
    assert CANARY not in asked.log.read_text()


def test_a_token_file_that_others_can_read_stops_the_run(tmp_path, monkeypatch, capsys, served):
    secret = tmp_path / "token"
    secret.write_text(CANARY)
    secret.chmod(0o644)
    monkeypatch.setenv("MGI_TCIA_TOKEN_FILE", str(secret))
    with served() as (service, seen):
        code = main(
            ["lock", "--modality", "flair", "--settings", settings_of(service), "--output", str(tmp_path / "l.json")]
        )
    assert code == ConfigError.exit_code
    assert "mode 0644, expected 0600" in capsys.readouterr().err
    assert seen == []


def test_a_manifest_restricts_the_lock_and_names_what_is_not_shown(served, tmp_path, capsys, simulated_archive):
    with served() as (service, _):
        everything = tmp_path / "all.json"
        assert (
            main(["lock", "--modality", "flair", "--settings", settings_of(service), "--output", str(everything)]) == 0
        )
        items = json.loads(everything.read_text())["items"]
        wanted = sorted(item["key"] for item in items if item["chosen"])[:4]
        flair = sorted(item["key"] for item in items if item["chosen"] and item["role"] == "flair")[:1]
        listed = sorted({*wanted, *flair})
        text = "downloadServerUrl=https://public.example.org/x\nListOfSeriesToDownload=\nSeries ID\n"
        (tmp_path / "my.tcia").write_text(text + "\n".join(listed) + "\n")
        settings = settings_of(service, manifest=str(tmp_path / "my.tcia"))
        capsys.readouterr()
        assert (
            main(["lock", "--modality", "flair", "--settings", settings, "--output", str(tmp_path / "few.json")]) == 0
        )
        printed = capsys.readouterr().out
        assert "1 lines are no UID and were skipped: 'Series ID'" in printed
        assert "public.example.org; modalities.flair.base_url (127.0.0.1)" in printed
        assert sorted(item["key"] for item in json.loads((tmp_path / "few.json").read_text())["items"]) == listed
        (tmp_path / "my.tcia").write_text(text + "\n".join(listed) + "\n1.2.3.4.5\n")
        target = tmp_path / "none.json"
        assert (
            main(["lock", "--modality", "flair", "--settings", settings, "--output", str(target)])
            == NetworkError.exit_code
        )
    assert "1 of" in (said := capsys.readouterr().err)
    assert ": 1.2.3.4.5" in said
    assert not target.exists()


def test_any_collection_goes_with_a_table_of_its_patients(served, tmp_path, capsys):
    def renamed(request):
        if not request.path.endswith("/getSeries"):
            return None
        rows = [
            {
                "SeriesInstanceUID": f"1.2.{n}",
                "StudyInstanceUID": f"1.3.{n}",
                "PatientID": f"UPENN-{n}",
                "Modality": "MR",
                "SeriesDescription": "AX FLAIR",
                "ImageCount": 20,
                "StudyDate": "01-02-2020",
            }
            for n in (1, 2)
        ]
        return text_response(json.dumps(rows), content_type="application/json")

    (tmp_path / "patients.tsv").write_text("id\tpatient_id\nUPENN-1\tTCGA-ZZ-0001\n")
    target = tmp_path / "lock.json"
    with served(renamed) as (service, _):
        settings = settings_of(service, collection="UPENN-GBM")
        assert main(["lock", "--modality", "flair", "--settings", settings, "--output", str(target)]) == 0
        own = [item["patient_id"] for item in json.loads(target.read_text())["items"]]
        assert own == ["UPENN-1", "UPENN-2"]
        settings = settings_of(service, collection="UPENN-GBM", patients=str(tmp_path / "patients.tsv"))
        assert main(["lock", "--modality", "flair", "--settings", settings, "--output", str(target)]) == 0
    assert [item["patient_id"] for item in json.loads(target.read_text())["items"]] == ["TCGA-ZZ-0001"]
    printed = capsys.readouterr().out
    assert "1 patients are not in modalities.flair.patients: UPENN-2" in printed
    assert "1 patients with FLAIR have no mask: TCGA-ZZ-0001" in printed
