DROP INDEX outbox_bodies;
