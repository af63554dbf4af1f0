"""The actions of a log's page, for the table of keys."""

from __future__ import annotations

from modeldeck_tui.keymap.action import action

LOGS = (
    action("logs.up", "k up", "up", "One line up; pauses", does="move('up')"),
    action("logs.down", "j down", "down", "One line down", does="move('down')"),
    action("logs.left", "h left", "left", "Scroll sideways, to the left", does="sideways(-1)"),
    action("logs.right", "l right", "right", "Scroll sideways, to the right", does="sideways(1)"),
    action(
        "logs.page_up",
        "ctrl+u ctrl+b pageup",
        "page up",
        "A page up; pauses",
        does="move('page_up')",
    ),
    action(
        "logs.page_down",
        "ctrl+d ctrl+f pagedown space",
        "page down",
        "A page down",
        does="move('page_down')",
    ),
    action("logs.first", "g home", "first", "The first line of the log; pauses"),
    action(
        "logs.follow",
        "G end F s",
        "follow",
        "To the end, and follow",
        "modeldeck logs SOURCE -f",
    ),
    action(
        "logs.filter",
        "slash",
        "filter",
        "Show only lines that fit: text !text latency_s>0.5 level:warn since:15m",
        "modeldeck logs SOURCE --grep TEXT",
    ),
    action("logs.find", "backslash", "find", "Find a text without hiding the other lines"),
    action("logs.next_match", "n", "next", "The next match"),
    action("logs.previous_match", "N", "before", "The match before"),
    action("logs.next_error", "e", "error", "The next error"),
    action("logs.previous_error", "E", "error before", "The error before"),
    action("logs.next_warning", "w", "warning", "The next warning or error"),
    action("logs.previous_warning", "W", "warning before", "The warning or error before"),
    action("logs.level_down", "less_than_sign", "level", "Show lower levels too"),
    action("logs.level_up", "greater_than_sign", "level", "Only higher levels"),
    action(
        "logs.context", "x", "around", "Lift the filter and see what is around; again: put it back"
    ),
    action("logs.go_to", "ctrl+g", "go to", "Go to a time, a line or a share: 14:03 :1234 50%"),
    action("logs.record", "enter", "record", "The record under the cursor in full, JSON indented"),
    action("logs.follow_name", "o", "open", "Open the run, version or request that the line names"),
    action("logs.mark", "m", "mark", "Put a bookmark on the line, or take it away"),
    action("logs.next_mark", "u", "next mark", "The next bookmark or remark"),
    action("logs.previous_mark", "U", "mark before", "The bookmark or remark before"),
    action(
        "logs.ask",
        "Q",
        "ask",
        "Begin a thread about the line",
        "modeldeck thread start PLACE TEXT",
        danger=1,
        needs="thing",
    ),
    action("logs.range", "v", "range", "Begin a range of lines, for y and ^s; again: end it"),
    action("logs.bars", "b", "histogram", "Show or hide the histogram of levels over time"),
    action(
        "logs.wrap",
        "ctrl+w",
        "wrap",
        "Break long lines, or scroll them",
        does="show_or_hide('wrap')",
    ),
    action("logs.times", "T", "times", "Show or hide the times", does="show_or_hide('times')"),
    action(
        "logs.numbers",
        "number_sign",
        "numbers",
        "Show or hide line numbers",
        does="show_or_hide('numbers')",
    ),
    action("logs.debug", "percent_sign", "debug", "Show what the screen sends, frame by frame"),
)
