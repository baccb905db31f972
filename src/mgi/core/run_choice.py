"""Which runs of a table are compared, trained, or shown by themselves."""

from collections.abc import Mapping

from mgi.core.run import IMAGE, MULTIMODAL_METHOD, Run


def evaluated(table: Mapping[str, Run]) -> list[str]:
    """Keys of the runs that predict and whose test patients are not in training: those that are compared."""
    return [key for key, run in table.items() if not (run.leaks or run.is_pretraining)]


def by_patient(table: Mapping[str, Run]) -> list[str]:
    """Keys of the runs that are trained and do not leak, pre-training included."""
    return [key for key, run in table.items() if not (run.leaks or run.members)]


def by_slice(table: Mapping[str, Run]) -> list[str]:
    """Keys of the runs that predict for patients on whom they were trained, for the paper-like table alone."""
    return [key for key, run in table.items() if run.leaks and not run.is_pretraining]


def attended(table: Mapping[str, Run]) -> list[str]:
    """Keys of the runs of MGI as it is whose encoder of slides says where it looks."""
    seen = (key for key in evaluated(table) if table[key].label == MULTIMODAL_METHOD)
    return [key for key in seen if table[key].image not in (None, IMAGE)]
