"""The columns of a prediction file of classes; `classes` of its head names the entries of the lists in their order."""

import pyarrow as pa

from mgi.tasks.patient_predictions import schema_of

PREDICTIONS = schema_of({"probability": pa.list_(pa.float64()), "uncalibrated": pa.list_(pa.float64())})
