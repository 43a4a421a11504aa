"""What the faces for Django REST framework share."""
