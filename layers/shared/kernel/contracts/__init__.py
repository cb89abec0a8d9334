"""The events that domains exchange. A change here is a change for every consumer: fields may be added, never more."""
