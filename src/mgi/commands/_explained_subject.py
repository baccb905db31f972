"""What a network that `mgi explain` explains is asked of its patients."""

from torch import nn

from mgi.commands._explained import Explained
from mgi.core.run import EXPRESSION
from mgi.explain.multimodal_subject import MultimodalSubject
from mgi.explain.subjects import HeadSubject, MaskSubject, PretrainingSubject, Subject
from mgi.models.mgi import MGI, DualEncoder
from mgi.models.multimodal import MultimodalEncoder
from mgi.models.patient_network import PatientNetwork


def subject_of(explained: Explained, network: nn.Module) -> Subject:
    """What a network, trained or not, is asked of the patients; masks are those of the trained one."""
    if isinstance(network, DualEncoder):
        return PretrainingSubject(
            network,
            explained.most_tumour(explained.pairs),
            explained.references,
            values=explained.values,
            temperature=explained.temperature,
            read=explained.read,
        )
    if isinstance(network, MultimodalEncoder) and explained.several is not None:
        return MultimodalSubject(
            network,
            explained.most_tumour(explained.pairs),
            explained.references,
            values=explained.values,
            layout=explained.several.layout,
            temperatures=explained.temperatures,
            read={EXPRESSION: explained.read},
        )
    if isinstance(network, PatientNetwork):
        return HeadSubject(network, explained.images, explained.numbers(), explained.reading_of)
    assert isinstance(network, MGI)
    shown = [None if one is None else one[:2] for one in explained.shown]
    return MaskSubject(network, shown, explained.reading_of)
