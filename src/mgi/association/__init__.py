"""Which features of patients go with which phenotypes: a scan of all pairs, given covariates."""
