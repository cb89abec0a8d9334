-- What was ordered stays as it was told, of an account that nobody knows any more. Nothing is ordered for it.
SELECT guard('order_events', 'data ->> ''customerId''');
