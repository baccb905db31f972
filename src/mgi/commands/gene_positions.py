"""Fetch the annotation that the configuration pins, and list where its genes lie."""

import argparse
from pathlib import Path

from mgi.commands._service import service_for
from mgi.modalities.rna.positions import read_gtf_genes, write_positions
from mgi.modalities.rna.settings import GtfSettings, RnaSettings
from mgi.modalities.rna.sources.gencode import fetch_gtf, stated_md5


def add_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("--settings", required=True, help="the config section `modalities.rna`, as JSON")
    options.add_argument("--gtf", required=True, help="the key `modalities.rna.fit.gtf` of the configuration, as JSON")
    options.add_argument("--archive", help="folder of a simulated archive, served locally instead of the real service")
    options.add_argument("--folder", required=True, help="where the annotation is kept, by its MD5")
    options.add_argument("--output", required=True, help="gene positions, TSV")


def run(args: argparse.Namespace) -> None:
    chosen = RnaSettings.read(args.settings, where="modalities.rna")
    pinned = GtfSettings.read(args.gtf, where="modalities.rna.fit.gtf")
    with service_for(args.archive, "", chosen.base_url, chosen) as service:
        # A simulated archive has an annotation of its own genes: it alone knows the digest.
        md5 = stated_md5(service, pinned.file_id) if args.archive else pinned.md5
        gtf = Path(args.folder) / f"{md5}.gtf.gz"
        fetched = fetch_gtf(service, pinned.file_id, md5, gtf)
    n_genes = write_positions(args.output, read_gtf_genes(gtf), gtf)
    print(f"{'fetched' if fetched else 'in place'}: {gtf.name}, {n_genes} genes")
