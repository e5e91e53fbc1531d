-- Takes hand-overs back.  What was passed on stays in its threads; who has a person now is with Eddy again.

ALTER TABLE outbox NO FORCE ROW LEVEL SECURITY; -- else its owner sees no rows
DELETE FROM outbox WHERE turn IS NOT NULL AND state <= 2;
ALTER TABLE outbox FORCE ROW LEVEL SECURITY;
ALTER TABLE outbox DROP COLUMN turn, DROP COLUMN passes;
ALTER TABLE threads DROP COLUMN relay;
DROP TABLE relays;
COMMENT ON COLUMN outbox.thread_id IS 'Where it goes.';
COMMENT ON COLUMN outbox.message_id IS 'What is delivered; NULL: a notice, its text in body.';
COMMENT ON COLUMN outbox.body IS 'Text of a notice; NULL: the message has it.';
