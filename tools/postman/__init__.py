"""The Postman collection, made of the API's document."""
