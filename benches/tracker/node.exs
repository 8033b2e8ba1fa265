# One node of Phoenix.Tracker, ordered about over its standard input, a line an order:
#
#     connect NODE     track USER     cut NODE     heal NODE     bench
#
# On its standard output it says "up", "join USER" and "leave USER" for every presence of which its
# tracker tells it, and what `bench` measured.

defmodule Room do
  use Phoenix.Tracker
  @topic "room"

  def start_link(options) do
    options = Keyword.merge([name: __MODULE__], options)
    Phoenix.Tracker.start_link(__MODULE__, options, options)
  end

  def init(options), do: {:ok, options}

  def handle_diff(diff, state) do
    with {joins, leaves} <- diff[@topic] do
      # Whoever is told of both at once sees an update and nobody gone.
      for {user, _} <- joins, do: IO.puts("join #{user}")
      for {user, _} <- leaves, do: IO.puts("leave #{user}")
    end

    {:ok, state}
  end

  def obey(["connect", node]), do: Node.connect(String.to_atom(node))

  def obey(["track", user]) do
    # A process of its own, as a connection has.
    pid = spawn(fn -> Process.sleep(:infinity) end)
    {:ok, _} = Phoenix.Tracker.track(__MODULE__, pid, @topic, user, %{})
  end

  # Neither of the two takes a connection of the other any more.
  def obey(["cut", node]) do
    :erlang.set_cookie(String.to_atom(node), :cut)
    Node.disconnect(String.to_atom(node))
  end

  def obey(["heal", node]) do
    :erlang.set_cookie(String.to_atom(node), :erlang.get_cookie())
    Node.connect(String.to_atom(node))
  end

  def obey(["bench"]), do: Bench.run(__MODULE__)
end

defmodule Bench do
  @rooms 500
  @members 50

  # Rooms of fifty: what it costs to be in one, to leave it and enter it again, and to list it. Each
  # presence has a process of its own, as each channel of Phoenix has.
  def run(tracker) do
    all =
      for room <- 1..@rooms, user <- 1..@members do
        {"room:#{room}", "user-#{user}", spawn(fn -> Process.sleep(:infinity) end)}
      end

    before = memory()
    for one <- all, do: enter(tracker, one)
    bytes = (memory() - before) / (@rooms * @members)
    # One of each room.
    again = all |> Enum.drop(7) |> Enum.take_every(@members)

    enter_and_leave =
      median(fn ->
        for {room, user, pid} = one <- again do
          :ok = Phoenix.Tracker.untrack(tracker, pid, room, user)
          enter(tracker, one)
        end
      end)

    list =
      median(fn ->
        for {room, _, _} <- again, do: @members = length(Phoenix.Tracker.list(tracker, room))
      end)

    IO.puts("bench #{enter_and_leave} #{list} #{bytes}")
  end

  defp enter(tracker, {room, user, pid}) do
    {:ok, _} = Phoenix.Tracker.track(tracker, pid, room, user, %{})
  end

  # Nanoseconds for each of the rooms, the median of five times.
  defp median(fun) do
    times = for _ <- 1..5, do: fun |> :timer.tc() |> elem(0)
    times |> Enum.sort() |> Enum.at(2) |> Kernel.*(1_000) |> Kernel./(@rooms)
  end

  defp memory do
    for pid <- Process.list(), do: :erlang.garbage_collect(pid)
    :erlang.memory(:total)
  end
end

{:ok, _} = Phoenix.PubSub.Application.start(:normal, [])
children = [{Phoenix.PubSub, name: Room.PubSub}, {Room, pubsub_server: Room.PubSub}]
{:ok, _} = Supervisor.start_link(children, strategy: :one_for_one)
IO.puts("up")

for line <- IO.stream(:stdio, :line), do: line |> String.split() |> Room.obey()
