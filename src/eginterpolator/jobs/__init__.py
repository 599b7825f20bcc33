"""Many molecules: what is finished is skipped, what fails is listed, workers help."""
