"""Floor 7: one case from its files to its results, by the rooms below; what each verb of the command line does."""
