"""Runs the revisions on the connection that `assay.store.migrate` hands over, inside its transaction."""

from alembic import context

from assay.store.schema import REVISION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=REVISION_TABLE)
context.run_migrations()
