"""What a report says, as records: pure functions of a Run. Templates only put them on the page."""
