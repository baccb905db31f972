"""FLAIR MRI with tumour masks: DICOM, NIfTI, or the slices of the Kaggle set.

What a reader refuses is a BadInputError that names the file or series and the field, unless it says otherwise.
"""
