"""Which of a patient's profiles to use: primary tumour, open, not withdrawn, and one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from mgi.core.errors import BadInputError
from mgi.core.ids import PRIMARY_TUMOUR, barcode_of, sample_code_of, sample_of
from mgi.locks.item import BY_HAND, Item
from mgi.locks.samples import NO_SAMPLES, Samples
from mgi.modalities.gdc.preference import best_of, is_fixed

RECURRENT_TUMOUR = "02"

CONTROLLED = "controlled access"
RECURRENT = "recurrent sample"
NOT_PRIMARY = "not a primary tumour sample"
ANNOTATED = "annotated: "
NOT_PREFERRED = "other aliquot preferred: "
TIED = "tie, nothing tells these profiles apart: "
ONLY_FIXED = ", formalin-fixed (FFPE), no frozen profile"
SAME_SAMPLE, FROM_ANOTHER = ", the sample of ", "from another sample: "
# What the reason of a profile that is not chosen begins with.
REASONS_AGAINST = (CONTROLLED, RECURRENT, NOT_PRIMARY, ANNOTATED, NOT_PREFERRED, TIED)


def choose_aliquots(
    offers: Sequence[Item],
    label_of: Callable[[Item], str],
    withdrawn: Mapping[str, str] | None = None,
    samples: Samples = NO_SAMPLES,
) -> tuple[Item, ...]:
    """The offers by patient and key, each judged; one that has a reason already is out, at most one a patient is in.

    `withdrawn` says by key what an annotation has against a profile. Among eligible profiles of one patient
    `preference` decides, and the losers are named as such. Where nothing tells two apart, none of them is chosen.
    `samples` are those of the patients' other data, which are preferred; the reason says whether it is that one.
    """
    reasons = {item.key: item.reason or _against(label_of(item), (withdrawn or {}).get(item.key)) for item in offers}
    eligible: dict[str, list[Item]] = {}
    for item in offers:
        if not reasons[item.key]:
            eligible.setdefault(item.patient_id, []).append(item)
    best = {patient: best_of(own, label_of, samples.of.get(patient)) for patient, own in eligible.items()}

    def judged(item: Item) -> Item:
        if reasons[item.key]:
            return replace(item, chosen=False, reason=reasons[item.key])
        choice = best[item.patient_id]
        if choice.tied and item.key not in choice.against:
            keys = ", ".join(one.key for one in (choice.item, *choice.tied))
            return replace(item, chosen=False, reason=f"{TIED}{keys}")
        if item.key != choice.item.key:
            why = choice.against.get(item.key, "the same bytes")
            told = f"{NOT_PREFERRED}{label_of(choice.item)}"
            return replace(item, chosen=False, reason=f"{told} ({why})" if why else told)
        # A user's table may name patients only; then there is nothing to tell samples apart.
        reason = "primary tumour" if sample_code_of(label_of(item)) else "labelled by patient"
        reason += _beside(sample_of(label_of(item)), item.patient_id, samples)
        return replace(item, chosen=True, reason=reason + (ONLY_FIXED if is_fixed(item) else ""))

    return tuple(judged(item) for item in sorted(offers, key=lambda item: (item.patient_id, item.key)))


def _beside(sample: str | None, patient_id: str, samples: Samples) -> str:
    """How the chosen sample goes with the patient's other data, for its reason; nothing where they name none."""
    theirs = samples.of.get(patient_id)
    if theirs is None or sample is None:
        return ""
    return (
        f"{SAME_SAMPLE}{samples.modality}" if sample == theirs else f", {FROM_ANOTHER}{sample[len(patient_id) + 1 :]}"
    )


def other_sample(item: Item) -> str | None:
    """What to tell of a chosen item that is of another sample than the patient's other data; None where it is not."""
    _, told, rest = item.reason.partition(FROM_ANOTHER)
    return f"{item.role} {told}{rest.partition(',')[0]}" if told and item.chosen else None


def _against(barcode: str, withdrawn: str | None) -> str:
    code = sample_code_of(barcode)
    if code == RECURRENT_TUMOUR:
        return RECURRENT
    if code not in (PRIMARY_TUMOUR, None):
        return f"{NOT_PRIMARY} (code {code})"
    return "" if withdrawn is None else f"{ANNOTATED}{withdrawn}"


def check_profile(item: Item, role: str) -> None:
    """A chosen profile must be of its patient, and of a primary tumour unless a person said why not."""
    barcode = item.sample
    if item.role != role:
        raise BadInputError(f"items: {item.key}: role {item.role!r}, expected {role!r}")
    owner = None if barcode is None else barcode_of(barcode)
    if barcode is not None and item.patient_id != (owner.patient_id if owner else barcode):
        raise BadInputError(f"items: {item.key}: {barcode}, expected a barcode of {item.patient_id}")
    if item.reason.startswith(BY_HAND) and item.reason.removeprefix(BY_HAND).strip():
        return
    code = None if barcode is None else sample_code_of(barcode)
    if code not in (None, PRIMARY_TUMOUR) or item.reason.startswith(REASONS_AGAINST):
        raise BadInputError(
            f"items: {item.key}: {barcode or item.patient_id} is chosen, reason {item.reason!r}; "
            f"expected a primary tumour that nothing speaks against, or a reason that begins with {BY_HAND!r}"
        )
