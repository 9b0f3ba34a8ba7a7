#!/bin/sh
# One database per service; runs once, when the data folder is new.
set -eu
for service in registry logger auth events todo gateway admin; do
    createdb --username "$POSTGRES_USER" "$service"
done
