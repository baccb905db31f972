import numpy as np
import pytest

from mgi_standin.simulation.genes import CHROMOSOMES, draw_gene_table
from mgi_standin.simulation.omics.drivers import ARM_OF, draw_drivers
from mgi_standin.simulation.omics.maf import MAF_COLUMNS
from mgi_standin.simulation.omics.variants import KINDS, draw_variants, variant_model
from simulated_tumour import tumour_of

GENES = draw_gene_table(1000, 5)
MODEL = variant_model(GENES)
CHANGES_PROTEIN = {
    "Missense_Mutation", "Nonsense_Mutation", "Frame_Shift_Del", "Frame_Shift_Ins", "Splice_Site", "In_Frame_Del",
    "In_Frame_Ins", "Translation_Start_Site", "Nonstop_Mutation",
}  # fmt: skip


def rows_of(subtype, seed=0, *, hypermutated=False, **changes):
    tumour, rng = tumour_of(subtype, **changes), np.random.default_rng(seed)
    return draw_variants(tumour, MODEL, draw_drivers(tumour, rng), rng, hypermutated=hypermutated)


def mutated(rows):
    return {row["Hugo_Symbol"] for row in rows if row["Variant_Classification"] in CHANGES_PROTEIN}


@pytest.mark.parametrize("seed", range(20))
def test_driver_genes_are_mutated_as_the_classes_say(seed):
    for subtype in ("IDHmut-codel", "IDHmut-non-codel", "IDHwt"):
        for atrx, tp53 in ((True, False), (False, True)):
            found = mutated(rows_of(subtype, seed, atrx=atrx, tp53=tp53))
            assert ("ATRX" in found, "TP53" in found) == (atrx, tp53)
            assert bool(found & {"IDH1", "IDH2"}) == (subtype != "IDHwt")
            assert not found & {"IDH1", "IDH2"} >= {"IDH1", "IDH2"}


def test_hotspots_are_those_of_idh():
    changes = {
        (row["Hugo_Symbol"], row["HGVSp_Short"])
        for seed in range(80)
        for row in rows_of("IDHmut-codel", seed)
        if row["Hugo_Symbol"].startswith("IDH") and row["Variant_Classification"] == "Missense_Mutation"
    }
    assert changes == {("IDH1", "p.R132H"), ("IDH1", "p.R132C"), ("IDH2", "p.R172K")}


def test_a_silent_variant_in_a_driver_gene_occurs_and_is_no_mutation():
    wild = [rows_of("IDHwt", seed, atrx=False, tp53=False) for seed in range(120)]
    silent = [rows for rows in wild if any(row["Hugo_Symbol"] == "IDH1" for row in rows)]
    assert silent
    assert not any("IDH1" in mutated(rows) for rows in silent)


def test_rows_stand_by_chromosome_and_position_and_name_known_columns():
    rows = rows_of("IDHwt", 3)
    places = [(CHROMOSOMES.index(row["Chromosome"]), int(row["Start_Position"])) for row in rows]
    assert places == sorted(places)
    assert set().union(*rows) <= set(MAF_COLUMNS)
    for row in rows:
        assert int(row["t_depth"]) == int(row["t_ref_count"]) + int(row["t_alt_count"])
        assert "n_ref_count" not in row


def test_a_variant_lies_in_the_gene_that_it_names_without_a_version():
    known = {gene.gene_id.split(".")[0]: gene for gene in GENES.itertuples() if not gene.gene_id.endswith("_PAR_Y")}
    for row in rows_of("IDHmut-non-codel", 4):
        if row["Hugo_Symbol"] != "Unknown":
            gene = known[row["Gene"]]
            assert row["Chromosome"] == gene.chromosome
            assert gene.start <= int(row["Start_Position"]) < gene.start + gene.length


def test_each_driver_gene_has_a_coding_gene_of_its_own_on_its_arm():
    places = MODEL.drivers
    assert len(set(places.values())) == len(ARM_OF)
    for symbol, place in places.items():
        assert GENES["chromosome"].iloc[place] == f"chr{ARM_OF[symbol][:-1]}"
        assert GENES["gene_type"].iloc[place] == "protein_coding"
    assert not set(MODEL.passengers) & set(places.values())


def test_wild_types_have_more_variants_and_a_hypermutated_tumour_many():
    usual = {
        subtype: np.mean([len(rows_of(subtype, seed)) for seed in range(60)]) for subtype in ("IDHwt", "IDHmut-codel")
    }
    assert usual["IDHwt"] > 1.4 * usual["IDHmut-codel"]
    assert len(rows_of("IDHmut-codel", 1, hypermutated=True)) > 5 * len(rows_of("IDHmut-codel", 1))


def test_all_classes_that_change_a_protein_are_drawn_now_and_then():
    assert set(KINDS) > CHANGES_PROTEIN
    seen = {row["Variant_Classification"] for seed in range(6) for row in rows_of("IDHwt", seed, hypermutated=True)}
    assert CHANGES_PROTEIN | {"Silent", "Intron"} <= seen
