"""Rules that the sources must keep: functions from what was read to complaints. No rule reads a file or renders."""
