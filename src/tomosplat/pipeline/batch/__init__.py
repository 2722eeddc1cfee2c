"""Many scans: which, by whom, and what is made of each."""
