import { useVirtualizer } from '@tanstack/react-virtual';
import { useRef } from 'react';
import { useFleet } from './use-fleet.js';
import { VehicleRow } from './vehicle-row.js';

const rowHeight = 44;

/** Every vehicle has a row, but only those near the window are mounted, and only what is mounted is subscribed. */
export function Fleet() {
  const ids = useFleet();
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: ids.length,
    getScrollElement: () => scroller.current,
    getItemKey: (index) => ids[index] as string,
    estimateSize: () => rowHeight,
    overscan: 20,
  });

  return (
    <section className="panel fleet">
      <header>
        <h2>Vehicles</h2>
        <span className="count">{ids.length > 0 ? `${ids.length} in service` : 'finding the fleet …'}</span>
      </header>
      <div className="scroller" ref={scroller}>
        <ul style={{ height: rows.getTotalSize() }}>
          {rows.getVirtualItems().map(({ key, start }) => (
            <VehicleRow key={key} id={String(key)} top={start} height={rowHeight} />
          ))}
        </ul>
      </div>
    </section>
  );
}
