"""What a network is given as a patient's expression when it predicts; the words of predictions, scores and tables."""

OWN = "own"
COHORT_MEAN = "cohort_mean"
NULL_TOKEN = "null_token"
PERMUTED = "permuted"
IMAGE_LEFT_OUT = "image_left_out"
"""The patient's own expression, and no image."""
IMAGE_PERMUTED = "image_permuted"
"""What else the network reads is the patient's own, and the slide another patient's."""
LEFT_OUT, ALONE = "left_out", "alone"
"""Behind the name of one of several images: all but it, and it without genes. PERMUTED stands there too."""
NOT_USED = "not_used"
FURTHER_ALONE = "further_alone"
"""What a patient without expression has of the other genetic modalities that the network reads."""
WITHOUT_EXPRESSION = (NOT_USED, NULL_TOKEN, FURTHER_ALONE)
"""Those with which nothing of a patient's expression is read."""


def kind_of(expression_input: str) -> str:
    """`permuted-0`, `permuted-1`, … are draws of one kind, `permuted`."""
    return expression_input.split("-")[0]
