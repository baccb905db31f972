"""The columns of a prediction file of survival; `times_days` of its head are those of the list in their order."""

import pyarrow as pa

from mgi.tasks.patient_predictions import schema_of

PREDICTIONS = schema_of({"risk": pa.float64(), "risk_quantile": pa.float64(), "survival": pa.list_(pa.float64())})
