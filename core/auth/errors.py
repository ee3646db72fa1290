"""What credentials can be refused for."""

from core.errors import Conflict, Unauthenticated


class EmailTaken(Conflict):
    code = "email_taken"
    title = "The e-mail address belongs to a staff member already"


class LastOwner(Conflict):
    code = "last_owner"
    title = "A program keeps at least one active owner"


class SignInRefused(Unauthenticated):
    code = "sign_in_refused"
    title = "E-mail or password is wrong"
