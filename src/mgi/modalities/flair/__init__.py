"""FLAIR MRI with tumour masks: DICOM, NIfTI, or the slices of the Kaggle set."""
