"""The one table that decides who may do what."""

import pytest

from todo_svc.todos.errors import RoleTooLow
from todo_svc.todos.roles import RULES, Action, Grant, Role, can, require

VIEWER, COMMENTER, EDITOR, OWNER = Role


@pytest.mark.parametrize("action", RULES)
def test_nobody_may_do_anything_without_a_role(action: Action) -> None:
    assert not can(Grant(), action)


@pytest.mark.parametrize("action", RULES)
def test_an_owner_of_the_list_may_do_everything(action: Action) -> None:
    assert can(Grant(list_role=OWNER), action)


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        (VIEWER, "task.view", "comment.write"),
        (COMMENTER, "comment.write", "task.edit"),
        (EDITOR, "task.delete", "list.edit"),
        (EDITOR, "task.move", "task.share"),
    ],
)
def test_each_role_adds_to_the_one_below(role: Role, may: Action, may_not: Action) -> None:
    assert can(Grant(list_role=role), may)
    assert not can(Grant(list_role=role), may_not)


@pytest.mark.parametrize("action", ["task.delete", "task.move", "task.create", "list.view"])
def test_a_share_of_one_task_says_nothing_about_its_list(action: Action) -> None:
    assert not can(Grant(task_role=OWNER), action)


def test_the_effective_role_is_the_higher_of_both() -> None:
    assert Grant(VIEWER, EDITOR).role == EDITOR
    assert can(Grant(VIEWER, EDITOR), "task.complete")


def test_a_refusal_names_the_role_that_is_needed() -> None:
    with pytest.raises(RoleTooLow, match="editor on the list"):
        require(Grant(VIEWER), "task.move")
