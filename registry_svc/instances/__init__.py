"""Instances of services: their registrations, leases, health and states."""
