"""Names of columns that tables of patients have beside genes: outcomes, traits, splits, other measurements.

A label is compared as a whole, or by its first or last word, never by a part of a word: `AGER` and `IDH1` are genes,
`age_at_diagnosis` and `IDH1_mut` are not. None of the 59,427 names of GENCODE v36 is taken for one of these; `EFS` is
a gene, so event-free survival alone is not in the list.
"""

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_WHOLE = _words("""
    age sex gender female male race ethnicity height weight bmi smoking smoker
    survival os dss dfs dfi pfi pfs rfs event events censor censored censorship status vital dead death
    deceased alive time follow_up followup last_contact
    grade stage histology subtype diagnosis morphology laterality location kps karnofsky idh codel 1p19q 1p_19q
    recurrence relapse recurrent metastasis response treatment therapy chemotherapy radiation radiotherapy
    train training test testing val valid validation fold split holdout heldout partition
    batch batch_id plate site center centre hospital institution tss cohort dataset study project scanner
    label labels target outcome class group arm cluster year date subset usage progression mortality survived days
    id uuid barcode index level_0 row sample patient subject case slide
    purity ploidy tmb msi rin aneuploidy library_size lib_size libsize size_factor n_genes n_counts total_counts
    """)
_SURVIVAL = _words("os dss dfs dfi pfi pfs rfs efs mfs ttp")
_OF_SURVIVAL = _words("time months days years month day year event status censor cens censored censorship cr")
_FIRST = _words("""
    age days months years survival overall vital karnofsky histological histologic histology pathologic pathological
    ajcc tumor tumour tissue sample patient case slide cancer neoplasm diagnosis demographic treatment radiation
    time disease progression is has race dead percent telomere tmb msi
    """)
_LAST = _words("""
    status score months days years age sex gender cluster subtype codeletion codel count purity ploidy event censor
    censored censorship grade stage type code date id site survival diagnosis demographic ind
    cnv cna cn mut muts mutation mutations mutant mutated snv snp indel fusion loh gain loss amplification deletion
    meth methylation methylated mirna rppa protein amp amplified del deleted codeleted altered alteration
    train training test val valid validation fold split group label flag indicator batch center centre hospital
    death dead alive relapse recurrence progression followup treatment therapy response
    """)
_SPLIT = re.compile(r"(?:fold|split|train|test|val|cv|kfold)_?\d{1,2}")
_WORD = re.compile(r"[^a-z0-9]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z][a-z])")


def is_clinical(label: str) -> bool:
    """Whether a label names something of a patient that is not the expression of a gene."""
    if label.isalnum() and label.isupper():  # most symbols; tables have 60,000
        return label.lower() in _WHOLE or _SPLIT.fullmatch(label.lower()) is not None
    words = [word for word in _WORD.split(_CAMEL.sub("_", label).lower()) if word]
    whole = "_".join(words)
    if whole in _WHOLE or _SPLIT.fullmatch(whole):
        return True
    if len(words) < 2:
        return False
    if words[0] in _SURVIVAL:
        return all(word in _OF_SURVIVAL or len(word) == word.isdigit() for word in words[1:])
    return words[0] in _FIRST or words[-1] in _LAST
