-- One step of the walk through the events of cards: @step is the place of an event in its group.

-- As a server does it: the removal of a card that is open ends all cards of the machine with that offering.
UPDATE nic JOIN cards USING (account_id, r, o)
SET nic.ends = 1
WHERE @java AND nic.step = @step AND NOT nic.opens AND LOCATE(CONCAT(',', nic.card, ','), cards.held) > 0;

UPDATE nic JOIN cards USING (account_id, r, o)
SET cards.held = IF(nic.ends, ',', CONCAT(cards.held, nic.card, ','))
WHERE @java AND nic.step = @step AND (nic.ends OR nic.opens);

-- Rightly: a removal ends its card. When the default changes, a card is assigned its new role before
-- the old one is removed, within a second: then the assignment has ended the old role already.
UPDATE nic JOIN card USING (account_id, r, o, card)
SET nic.ends = 1
WHERE NOT @java AND nic.step = @step AND since_s IS NOT NULL
  AND (nic.opens OR since_s < nic.s OR NOT took_over);

UPDATE nic JOIN card USING (account_id, r, o, card)
SET card.took_over = nic.opens AND since_s IS NOT NULL, card.since_s = IF(nic.opens, nic.s, NULL)
WHERE NOT @java AND nic.step = @step AND (nic.opens OR nic.ends);
