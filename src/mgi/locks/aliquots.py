"""Which of a patient's profiles to use: primary tumour, open, not withdrawn, and one."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from mgi.core.ids import PRIMARY_TUMOUR, sample_code_of

RECURRENT_TUMOUR = "02"

CONTROLLED = "controlled access"
RECURRENT = "recurrent sample"
NOT_PRIMARY = "not a primary tumour sample"
ANNOTATED = "annotated: "
NOT_PREFERRED = "other aliquot preferred: "
# What the reason of a profile that is not chosen begins with.
REASONS_AGAINST = (CONTROLLED, RECURRENT, NOT_PRIMARY, ANNOTATED, NOT_PREFERRED)


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One profile on offer; `barcode` as long as the source knows it, `annotation` why it was withdrawn."""

    patient_id: str
    barcode: str
    key: str
    is_open: bool = True
    annotation: str | None = None


@dataclass(frozen=True)
class Verdict:
    """Whether a profile is used, and why."""

    chosen: bool
    reason: str


def choose_aliquots(candidates: Sequence[Candidate]) -> dict[str, Verdict]:
    """Judge every candidate, by key; at most one is chosen per patient.

    Among eligible profiles of one patient the highest barcode wins: later plates replace earlier ones (the rule of
    the Broad's Firehose). The losers are named as such, not dropped.
    """
    verdicts = {candidate.key: _judge_alone(candidate) for candidate in candidates}
    eligible = defaultdict(list)
    for candidate in candidates:
        if verdicts[candidate.key].chosen:
            eligible[candidate.patient_id].append(candidate)
    for rivals in eligible.values():
        winner = max(rivals, key=lambda rival: (rival.barcode, rival.key))
        for rival in rivals:
            if rival is not winner:
                verdicts[rival.key] = Verdict(False, f"{NOT_PREFERRED}{winner.barcode}")
    return verdicts


def _judge_alone(candidate: Candidate) -> Verdict:
    code = sample_code_of(candidate.barcode)
    if not candidate.is_open:
        return Verdict(False, CONTROLLED)
    if code == RECURRENT_TUMOUR:
        return Verdict(False, RECURRENT)
    if code not in (PRIMARY_TUMOUR, None):
        return Verdict(False, f"{NOT_PRIMARY} (code {code})")
    if candidate.annotation is not None:
        return Verdict(False, f"{ANNOTATED}{candidate.annotation}")
    # A user's table may name patients only; then there is nothing to tell samples apart.
    return Verdict(True, "primary tumour" if code else "labelled by patient")
