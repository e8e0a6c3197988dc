"""Text: how it becomes numbers and numbers become text again. Nothing here needs torch."""
