"""OpenCV within a job's threads; by itself it takes all that the machine has."""

import cv2
import torch


def match_torch_threads() -> None:
    """Give OpenCV as many threads as torch has now, which OMP_NUM_THREADS and so a rule's `threads` decide."""
    cv2.setNumThreads(torch.get_num_threads())
