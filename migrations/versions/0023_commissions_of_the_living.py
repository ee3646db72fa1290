"""Nobody who was erased is owed a commission, whatever an order read before the erasure."""

from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    # fires after the foreign key's own check, which has waited for an erasure under way and keeps others off; a session
    # keeps the plans made while tables were small: without sequential scans it stays an index look-up
    op.execute(
        """CREATE FUNCTION check_commission_members() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
           BEGIN
             PERFORM 1 FROM (SELECT DISTINCT program_id, member_id FROM added) a
             JOIN members m ON m.program_id = a.program_id AND m.id = a.member_id AND m.status = 'erased' LIMIT 1;
             IF FOUND THEN
               RAISE EXCEPTION 'a member was erased meanwhile' USING ERRCODE = 'serialization_failure';
             END IF;
             RETURN NULL;
           END $$"""
    )
    op.execute(
        """CREATE TRIGGER commissions_of_the_living AFTER INSERT ON commissions
           REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION check_commission_members()"""
    )
