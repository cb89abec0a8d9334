-- expired = Kafka had deleted the letter before its redrive came to it.
ALTER TABLE letters DROP CONSTRAINT letters_state_check;
ALTER TABLE letters ADD CONSTRAINT letters_state_check
    CHECK (state IN ('selected', 'redriven', 'discarded', 'archived', 'expired'));
