"""Decide each fold's training, validation and test patients, once for every method."""

import argparse

from mgi.cohort.settings import SplitSettings
from mgi.cohort.split import split_patients, whole_cohort
from mgi.cohort.tables import read_cohort, write_split, write_split_sites


def add_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("--cohort", required=True, help="the cohort, Parquet")
    options.add_argument("--settings", required=True, help="the section `split` of the configuration, as JSON")
    options.add_argument("--output", required=True, help="the split, Parquet")
    options.add_argument("--tsv", required=True, help="the same as text")
    options.add_argument("--whole", required=True, help="one fold more, in which nobody is tested, Parquet")
    options.add_argument("--sites", required=True, help="patients per fold, hospital and role, as text")


def run(args: argparse.Namespace) -> None:
    settings = SplitSettings.read(args.settings, where="split")
    cohort = read_cohort(args.cohort)
    kept, unpaired_expression, unpaired_image = cohort.kept, cohort.with_tables_only(), cohort.with_images_only()
    rows = split_patients(kept, settings, unpaired_expression, unpaired_image, sites=cohort.sites)
    write_split(rows, args.output, args.tsv, made_from=[args.cohort])
    sites = write_split_sites(rows, args.sites, [args.output])
    whole = whole_cohort(kept, settings, unpaired_expression, sites=cohort.sites)
    write_split(whole, args.whole, made_from=[args.cohort])
    print(f"{len(kept)} patients of {sites['site'].nunique()} sites in {settings.folds} folds")
    print(f"{len(unpaired_expression)} patients with expression and no image may train the gene encoder in every fold")
    print(f"{len(unpaired_image)} patients with an image and no expression, segmented without genes, each by one fold")
    untrained = sites[(sites["test"] > 0) & (sites["train"] == 0)]
    for fold, site, tested in zip(untrained["fold"], untrained["site"], untrained["test"], strict=True):
        print(f"fold {fold}: tests {tested} of site {site} and trains on none of it")
