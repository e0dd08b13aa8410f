#!/bin/sh
# Chromium in a network namespace: its driver wants one program, and hands it arguments of its own.
exec nsenter --net="$ANABRANCH_NET" -- "$ANABRANCH_CHROMIUM" "$@"
