"""The record of what happened: counters, last use, and how long they are kept."""
