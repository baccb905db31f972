"""What is known of a patient beside the data: classes such as IDH status, survival, age and sex."""
