"""`halfgig completion`: what makes a shell complete what is typed."""

import click
from click import shell_completion

_VARIABLE = "_HALFGIG_COMPLETE"
"""Where click looks, in the name of the command, for what a shell asks."""


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print a script with which a shell completes commands, functions, options and files.

    \b
    Examples:
      halfgig completion bash >> ~/.bashrc
      halfgig completion zsh >> ~/.zshrc
      halfgig completion fish > ~/.config/fish/completions/halfgig.fish
    """
    kind = shell_completion.get_completion_class(shell)
    assert kind is not None
    click.echo(kind(ctx.find_root().command, {}, "halfgig", _VARIABLE).source())
