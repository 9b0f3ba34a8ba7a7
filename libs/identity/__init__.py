"""Who calls: services by Ed25519 tokens and signatures, users by access tokens verified at the gateway."""
