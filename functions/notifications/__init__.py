"""What users are told: in their list, and by e-mail."""
