-- Takes hand-overs back.  What was passed on stays in its threads; who has a person now is with Eddy again.

DELETE FROM outbox WHERE turn IS NOT NULL;
ALTER TABLE outbox DROP COLUMN turn, DROP COLUMN passes;
ALTER TABLE threads DROP COLUMN relay;
DROP TABLE relays;
COMMENT ON COLUMN outbox.thread_id IS 'Where it goes.';
COMMENT ON COLUMN outbox.message_id IS 'What is delivered; NULL: a notice, its text in body.';
COMMENT ON COLUMN outbox.body IS 'Text of a notice; NULL: the message has it.';
