//! What the service knows: domains, projects, users, groups, roles and who has which where.
