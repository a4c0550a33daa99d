"""Defences: parts that answer less, or train with less memory."""
