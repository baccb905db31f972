"""Where images come from: an NBIA service, the Kaggle zip, a folder of NIfTI or DICOM files."""
