"""What TODO refuses.

ServiceError
├── PermissionDenied
│   └── RoleTooLow           403 role_too_low
├── NotFound                 404 not_found, also for what the caller may not see
└── Conflict
    ├── IdTaken              409 id_taken
    ├── AlreadyShared        409 already_shared
    ├── InheritedShare       409 inherited_share
    ├── LastOwner            409 last_owner
    ├── InboxIsFixed         409 inbox_is_fixed
    ├── LabelExists          409 label_exists
    ├── ListInTrash          409 list_in_trash
    └── MovedMeanwhile       409 moved_meanwhile
"""

from libs.contracts.errors import Conflict, PermissionDenied


class RoleTooLow(PermissionDenied):
    """Your role does not permit this."""

    code = "role_too_low"


class IdTaken(Conflict):
    """This id is taken; leave it out, or send another."""

    code = "id_taken"


class AlreadyShared(Conflict):
    """This is shared with them already; change the role of the share there is."""

    code = "already_shared"


class InheritedShare(Conflict):
    """This member comes from the list; change the share of the list."""

    code = "inherited_share"


class LastOwner(Conflict):
    """A list keeps at least one owner."""

    code = "last_owner"


class InboxIsFixed(Conflict):
    """The Inbox cannot be deleted, archived or shared."""

    code = "inbox_is_fixed"


class LabelExists(Conflict):
    """You have a label of this name."""

    code = "label_exists"


class ListInTrash(Conflict):
    """The list of this task is in the trash; restore the list first."""

    code = "list_in_trash"


class MovedMeanwhile(Conflict):
    """The task was moved to another list at this moment; try again."""

    code = "moved_meanwhile"
